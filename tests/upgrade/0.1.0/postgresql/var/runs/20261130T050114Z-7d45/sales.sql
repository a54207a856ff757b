SELECT customer_id, item_id, sold_at, quantity, order_id, guest_email FROM sales
WHERE sold_at >= :since;
