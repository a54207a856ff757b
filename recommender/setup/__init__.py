"""The first evening: what `recommend init`, `check` and `demo` do.

shopfolder     `.env` and the queries beside it, written where they are missing
platforms      the queries of shops on platforms that we know
proposal       a first guess at the queries of a shop that nobody knows
looks          a look at what the queries return: the newest sales, the kinds of keys
create         our tables made; grants: the rights of the job's user
checks         all that a night needs, tried
demo           a ready shop to try everything on
"""
