-- The items, one row each: as sql/items.sql beside your .env, with your own table and columns put in.
SELECT
    -- The same key as item_id in sales.sql.
    p.product_id AS item_id,
    -- For people: `recommend show` prints it.
    p.name,
    -- 1 if the item may be recommended, else 0. Leave stock out: it changes by the hour, and the shop leaves
    -- out what is sold out when it reads the lists.
    p.active AS sellable,
    -- May be left out.
    p.category
FROM products AS p
