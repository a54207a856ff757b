-- The products of Shopware, one row each; variants belong to their product.
SELECT
    LOWER(HEX(p.id)) AS item_id,
    -- In the shop's language, else in the system's, else the number. That is of another table, whose collation may be
    -- another, so one is named.
    COALESCE(
        (
            SELECT CONVERT(MIN(n.name) USING utf8mb4) COLLATE utf8mb4_bin FROM product_translation AS n
            WHERE n.product_id = p.id AND n.product_version_id = p.version_id AND n.language_id = ${language_id} AND n.name <> ''
        ),
        (
            SELECT CONVERT(MIN(n.name) USING utf8mb4) COLLATE utf8mb4_bin FROM product_translation AS n
            WHERE n.product_id = p.id AND n.product_version_id = p.version_id
              AND n.language_id = UNHEX('2FBB5FE2E29A4D70AA5854CE7CE3E20B') AND n.name <> ''
        ),
        CONVERT(p.product_number USING utf8mb4) COLLATE utf8mb4_bin
    ) AS name,
    -- Switched on, and in the listings of the sales channel (10 is by link only, 20 by search).
    CASE
        WHEN p.active = 1
            AND EXISTS (
                SELECT 1 FROM product_visibility AS v
                WHERE v.product_id = p.id
                  AND v.product_version_id = p.version_id
                  -- [if sales_channel_id]
                  AND v.sales_channel_id = ${sales_channel_id}
                  -- [end]
                  AND v.visibility >= 30
            )
            -- [if in_stock_only]
            AND (
                (COALESCE(p.child_count, 0) = 0 AND p.available = 1)
                OR EXISTS (
                    SELECT 1 FROM product AS v
                    WHERE v.parent_id = p.id
                      AND v.version_id = p.version_id
                      AND COALESCE(v.active, p.active) = 1
                      AND v.available = 1
                )
            )
            -- [end]
        THEN 1
        ELSE 0
    END AS sellable
FROM product AS p
WHERE p.version_id = UNHEX('0FA91CE3E96A4BC2BE4BD9CE752C3425') AND p.parent_id IS NULL
