"""The night: its stages in their order, and all that stands around them.

This is the only place that knows settings, database, files and models at once.

run        `recommend run`, and each stage alone; locked: one at a time; target: where it publishes
export, train, rank, publish
           the stages, one module each; what one has for the next is a value that it returns
context    what each of them works with
plan       whether the model is trained cold, warm, or loaded; trials: weights and proof on past windows
refusals   what no night can do without; oddities: what it warns of; never: NEVER_RECOMMEND
namedrules what the shop's own rules name; contradictions: which of them cannot all be followed
record     a run begun, ended, or found dead
memory     what a night will need; writers: who else may write what a night obeys
"""
