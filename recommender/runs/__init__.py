"""The run folder: the files of a night, their record, and what is kept of the past. Knows no database.

folder       a run and its files; manifest: its record; history: all of them
keys, items  the shop's keys and items as the files have them
columns      columns of our CSV files as arrays; lists: the files of the lists, written and read
diff         what changed from one run to another
archive      a run in one file; compression: sales kept packed
retention    which runs are kept; hold: nights kept from publishing
"""
