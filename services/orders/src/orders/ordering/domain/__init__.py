"""The rules of orders, pure: `machine` the tables of statuses, `order` what an order is, `settling` what it makes of
other services' events, `processing` what people and the clock do to it, `change` what happened."""
