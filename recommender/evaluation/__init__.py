"""Quality on the shop's own past: what would the lists have been worth on a day that is over?

split       the sales of a past moment, and what customers bought in the weeks after it
metrics     what a list is worth, customer by customer
bootstrap   how sure a mean over customers is
baselines   the methods to compare with
past        a past window as the night would have seen it
choice      the blend's weights, learned on past windows
proof       the method that is published, by the newest past window
nightly     choice and proof as a part of the night, on record
system      the lists as the nights make them
sales       where the sales come from
evaluate    all of it together: the report of `recommend evaluate`
"""
