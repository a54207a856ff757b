"""The first evening: what `recommend init`, `check` and `demo` do.

shopfolder     `.env` and the queries beside it, written where they are missing
proposal       a first guess at the queries of a shop that nobody knows, from its tables (shoptables), what
               these may be (guesses, words, rowkeys, epochs) and a look inside (looks)
platforms      the queries of shops on platforms that we know
create         our tables made; grants: the rights of the job's user
checks         all that a night needs, tried
demo           a ready shop to try everything on
"""
