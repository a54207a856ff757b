"""The night: its stages in their order, and all that stands around them.

This is the only place that knows settings, database, files and models at once.

pipeline   `recommend run` and each stage alone, under the locks
stages     export, train, rank; publish: the last one
plan       whether the model is trained cold, warm, or loaded; trials: weights and proof on past windows
refusals   what no night can do without; oddities: what it warns of; never: NEVER_RECOMMEND
record     a run begun, ended, or found dead
memory     what a night will need; writers: who else may write what a night obeys
"""
