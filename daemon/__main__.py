"""`python -m daemon` is `switchboard`."""

from daemon.commands.main import main

if __name__ == "__main__":
    main()
