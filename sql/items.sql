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
    -- So may these: take the two dashes away from what your table has.
    -- , p.brand
    -- What one costs now, in the shop's main currency; NULL where nobody knows.
    -- , p.price
    -- The addresses of its page and of its image.
    -- , p.url
    -- , p.image_url
    -- When it came into the shop: a time, of the same zone as sold_at in sales.sql.
    -- , p.created_at AS added_at
FROM products AS p
