"""`python -m trainer`."""

if __name__ == "__main__":
    from trainer.cli.main import main

    main()
