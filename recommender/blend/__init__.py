"""The blend: several signals of what a customer will buy, weighed by the shop's own past.

neighbours   item-to-item: what goes with an item that was bought
habit        what the customer buys again and again
signals      all signals of a night on arrays
candidates   a few likely items of each customer, with their signals, for learning the weights
weights      the weights of the signals: the defaults, and learning them from past windows
contenders   the items that can be among a customer's best, found among all items
lists        the n best items of every customer
reasons      which signal put an item into a list, and which bought item led there
"""
