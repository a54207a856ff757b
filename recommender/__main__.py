"""`python -m recommender` is `recommend`."""

from recommender.cli import main

if __name__ == "__main__":
    main()
