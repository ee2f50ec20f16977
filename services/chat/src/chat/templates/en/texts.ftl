payment_received = A payment through the payment gateway was received

status_changed = { $status ->
    [new] The order was accepted
    [in_progress] Work on the order has begun
    [awaiting_confirmation] The work is finished and awaits confirmation
    [collecting] The order is being collected
    [ready] The order is ready
    [confirmed] The order is confirmed
    [active] The time of the order has begun
    [done] The order is done
    [cancelled_refunded] The money was refunded
   *[other] The order's status changed
}

order_cancelled = { $reason ->
    [hold_expired] The order was cancelled: it was not paid in time.
    [places_taken] The order was cancelled: the chosen time is already taken.
    [outside_opening_hours] The order was cancelled: we are closed at the chosen time.
    [not_on_slot_grid] The order was cancelled: the chosen time does not match the start and end of the slots.
    [in_the_past] The order was cancelled: the chosen time has already passed.
    [unknown_resource] The order was cancelled: this place can no longer be booked.
    [customer_request] The order was cancelled by the customer.
    [staff_decision] The order was cancelled by a member of staff.
   *[other] The order was cancelled.
}{ $refunding ->
    [yes] { " " }To be refunded: { $refund }.
   *[no] { "" }
}
