"""The blend: several signals of what a customer will buy, weighed by the shop's own past.

neighbours   item-to-item: what goes with an item that was bought
habit        what the customer buys again and again
signals      all signals of a night on arrays
candidates   the items that may come into a list, with their signals
weights      the weights of the signals: the defaults, and learning them from past windows
lists        the n best candidates of every customer
reasons      which signal put an item into a list, and which bought item led there
"""
