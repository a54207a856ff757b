SELECT item_id, name, sellable FROM items;
