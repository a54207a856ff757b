"""Quality on the shop's own past: what would the lists have been worth on a day that is over?

Arrays in, arrays out. Knows no database and no settings.

split       the sales of a past moment, and what customers bought in the weeks after it
metrics     what a list is worth, customer by customer
bootstrap   how sure a mean over customers is
past        a past window as the night would have seen it
choice      the blend's weights, for which the ways to learn them, contestants, compete on past windows
proof       the method that is published, by the newest past window; simple: the lists that it has to beat
decision    choice and proof, as a night takes them; drift: whether a warm start still will do
baselines   the methods to compare with; methods: all by their names
compare     every method on every window; report: the figures
"""
