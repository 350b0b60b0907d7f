"""Training on Kubernetes as an `MPIJob` of the mpi-operator: render, check, send, follow."""
