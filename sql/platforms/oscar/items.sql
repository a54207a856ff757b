-- The products of django-oscar, one row each; variants belong to their product.
SELECT
    p.id AS item_id,
    p.title AS name,
    -- [if not in_stock_only]
    CASE WHEN p.is_public THEN 1 ELSE 0 END AS sellable
    -- [end]
    -- [if in_stock_only]
    CASE
        WHEN p.is_public
            AND EXISTS (
                SELECT 1
                FROM catalogue_product AS v
                LEFT JOIN partner_stockrecord AS s ON s.product_id = v.id
                LEFT JOIN catalogue_productclass AS c ON c.id = p.product_class_id
                WHERE (v.id = p.id OR v.parent_id = p.id)
                  AND v.structure <> 'parent'
                  AND (
                      NOT COALESCE(c.track_stock, TRUE)
                      OR COALESCE(s.num_in_stock, 0) > COALESCE(s.num_allocated, 0)
                  )
            )
        THEN 1
        ELSE 0
    END AS sellable
    -- [end]
FROM catalogue_product AS p
WHERE p.parent_id IS NULL
