"""Quality on the shop's own past: what was shown must be held against what was bought afterwards.

split       what was known before a moment, and what was bought in the window after it
metrics     nDCG, recall, hit rate, coverage
bootstrap   what of a difference may be chance
baselines   the simple lists that a recommender has to beat
past        a past window as the night would have seen it
choice      the blend's weights, learned on past windows
proof       the method that is published, by the newest past window
nightly     choice and proof as a part of the night, on record
evaluate    all of it side by side, for a person
"""
