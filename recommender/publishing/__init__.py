"""From list files to the shop's tables: what may be shown, and the transaction that shows it.

gate        refuses lists that are wrong; continuity: whether the shop is still the same
publish     the transaction
"""
