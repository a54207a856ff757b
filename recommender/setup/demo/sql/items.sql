-- Every product that the sales may name. Those with sellable = 0 are learned from but never recommended.
SELECT
    p.product_id AS item_id,
    p.name,
    p.category,
    CASE WHEN p.active THEN 1 ELSE 0 END AS sellable
FROM products AS p
