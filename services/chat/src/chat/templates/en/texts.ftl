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
    [titled] The order's status: { $title }
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

order_assigned = { $assigned ->
    [yes] The order has a new assignee
   *[no] The order has no assignee any more
}

deadline_changed = The order's deadlines were changed.{ $responding ->
    [yes] { " " }First response by { $respond_by }.
   *[no] { "" }
}{ $completing ->
    [yes] { " " }Completion by { $complete_by }.
   *[no] { "" }
}

order_overdue = { $deadline ->
    [response] Nobody has taken up the order in time: it was due on { $due_at }
   *[completion] The order was not completed in time: it was due on { $due_at }
}

order_returned = { $noted ->
    [yes] The order was returned to work: { $note }
   *[no] The order was returned to work
}

order_changed = The order was changed. It now costs { $total }.{ $refunding ->
    [yes] { " " }To be refunded: { $refund }.
   *[no] { "" }
}

reservation_rescheduled = The booking was moved: { $place }, { $time }. Before: { $former }.

order_placed = Order { $number } was placed
draft_created = A draft of the order is ready: please complete it
draft_discarded = The draft of the order was discarded
message_erased = The message was erased
message_deleted = The message was deleted by its author
