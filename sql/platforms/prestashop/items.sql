-- The products of PrestaShop, one row each; combinations belong to their product.
SELECT
    p.id_product AS item_id,
    -- In the shop's language, else in any.
    COALESCE(
        (
            SELECT MIN(n.name) FROM `${prefix}product_lang` AS n
            WHERE n.id_product = p.id_product AND n.id_lang = ${id_lang} AND n.name <> ''
              -- [if id_shop]
              AND n.id_shop = ${id_shop}
              -- [end]
        ),
        (SELECT MIN(n.name) FROM `${prefix}product_lang` AS n WHERE n.id_product = p.id_product AND n.name <> ''),
        CONCAT('Product ', p.id_product)
    ) AS name,
    -- Switched on, listed in the catalogue, and for sale: each shop has its own such flags.
    CASE
        WHEN p.state = 1
            AND EXISTS (
                SELECT 1 FROM `${prefix}product_shop` AS s
                WHERE s.id_product = p.id_product
                  -- [if id_shop]
                  AND s.id_shop = ${id_shop}
                  -- [end]
                  AND s.active = 1
                  AND s.available_for_order = 1
                  AND s.visibility IN ('both', 'catalog')
            )
            -- [if in_stock_only]
            -- Combination 0 has the sum of all; out_of_stock 1 takes orders without stock, 2 does as the shop says.
            AND (
                (SELECT MAX(g.value) FROM `${prefix}configuration` AS g WHERE g.name = 'PS_STOCK_MANAGEMENT' AND g.id_shop IS NULL) = '0'
                OR EXISTS (
                    SELECT 1 FROM `${prefix}stock_available` AS q
                    WHERE q.id_product = p.id_product
                      AND q.id_product_attribute = 0
                      -- [if id_shop]
                      -- Where shops share their stock it is that of shop 0.
                      AND q.id_shop IN (0, ${id_shop})
                      -- [end]
                      AND (
                          q.quantity > 0
                          OR q.out_of_stock = 1
                          OR (
                              q.out_of_stock = 2
                              AND (SELECT MAX(g.value) FROM `${prefix}configuration` AS g WHERE g.name = 'PS_ORDER_OUT_OF_STOCK' AND g.id_shop IS NULL) = '1'
                          )
                      )
                )
            )
            -- [end]
        THEN 1
        ELSE 0
    END AS sellable
FROM `${prefix}product` AS p
