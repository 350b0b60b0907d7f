"""Rasa components that answer with exported models.

Named in `config.yml` by their whole path, such as `diet_ted_exports.diet.ExportedDIETClassifier`,
they stand where Rasa's own would stand. `rasa train` then packs the exports into Rasa's model.
"""
