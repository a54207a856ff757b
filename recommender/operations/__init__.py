"""What an owner does beside the nights.

status, pastruns         how the nights went
show, search             what a customer or an item has, and why
evaluate                 quality against simpler methods; pastsales: where its sales come from
rollback                 an earlier run published again
reproduce                a run repeated and compared
forget                   a customer erased; whom: who is meant; erasure: from the files
"""
