"""A stand-in for Stripe: Checkout Sessions, PaymentIntents, refunds, signed webhooks."""
