"""`python -m hub` is `passhub`."""

from hub.cli import main

if __name__ == "__main__":
    main()
