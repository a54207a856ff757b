"""What the machine gives, apart from any shop: files, locks, memory, threads, logs, texts, times.

files       written whole or not at all, owned by us alone
csvform     the form of every CSV file that we write
locks       one run at a time on this machine
machine     processors and memory; kernel: which one OpenBLAS takes; threads: work shared among them
interrupts  signals that end a run in order
logs        what is on record; progress: what a person sees meanwhile
arrays      their types, distinct values
text        what may be printed, and tables on a terminal
times       moments as numbers, in the shop's zone; window: the days whose sales are read
"""
