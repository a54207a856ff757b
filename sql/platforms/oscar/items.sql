-- The products of django-oscar, one row each; variants belong to their product.
SELECT
    p.id AS item_id,
    p.title AS name,
    -- [if categories]
    -- Oscar knows no main category: of several the one that was made first. It stores no brands.
    (
        SELECT c.name
        FROM catalogue_productcategory AS r
        JOIN catalogue_category AS c ON c.id = r.category_id
        WHERE r.product_id = p.id
        ORDER BY c.id
        LIMIT 1
    ) AS category,
    -- [end]
    -- [if prices]
    -- As stockrecords have it, mostly without tax; of several, or of variants, the least.
    COALESCE(
        (SELECT MIN(s.price) FROM partner_stockrecord AS s WHERE s.product_id = p.id),
        (
            SELECT MIN(s.price)
            FROM catalogue_product AS v
            JOIN partner_stockrecord AS s ON s.product_id = v.id
            WHERE v.parent_id = p.id AND v.is_public
        )
    ) AS price,
    -- [end]
    -- [if not mysql]
    ${site} || 'catalogue/' || p.slug || '_' || p.id || '/' AS url,
    -- [end]
    -- [if mysql]
    CONCAT(${site}, 'catalogue/', p.slug, '_', p.id, '/') AS url,
    -- [end]
    -- [if photographs]
    -- The first image; Django stores its path in the folder of media (MEDIA_ROOT).
    (
        -- [if not mysql]
        SELECT ${images} || i.original
        -- [end]
        -- [if mysql]
        SELECT CONCAT(${images}, i.original)
        -- [end]
        FROM catalogue_productimage AS i
        WHERE i.product_id = p.id
        ORDER BY i.display_order, i.id
        LIMIT 1
    ) AS image_url,
    -- [end]
    p.date_created AS added_at,
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
