# Variables: $number, $offering, $reason, $status, $attempts, $name, and the rows of the table.
# $known: whether the order's number is known; $named: whether the reader's name is.

order = { $known ->
    [yes] Order { $number }
   *[no] Your order
}

greeting = { $named ->
    [yes] Hello { $name },
   *[no] Hello,
}
footer = This message was sent automatically; please do not reply.

row_offering = Service
row_place = Where
row_time = When
row_total = Price
row_amount = Amount
row_refund = To be refunded
row_pay_until = Pay until

order_placed =
    .title = New { $known ->
        [yes] order { $number }
       *[no] order
    }
    .body = A new order that you are responsible for has come in.

payment_link =
    .title = { order } is waiting for payment
    .body = The place is being held for you. Pay for the order to keep it.
    .button = Pay

order_confirmed =
    .title = { order } is confirmed
    .body = Your payment was received and the place is yours. See you soon!

order_status =
    .title = { $status ->
        [in_progress] { order } is being worked on
        [awaiting_confirmation] { order } is finished: please confirm
        [collecting] { order } is being collected
        [ready] { order } is ready
       *[other] Status changed: { order }
    }
    .body = { $status ->
        [in_progress] We have taken up your order.
        [awaiting_confirmation] Please check the result: confirm it, or return the order to work.
        [collecting] We are collecting your order.
        [ready] You can pick up your order.
       *[other] Open the order to see its new status.
    }

order_started =
    .title = Your time has begun
    .body = { order }: your place is waiting for you.

order_done =
    .title = { order } is done
    .body = Thank you for being with us!

cancel_reason = { $reason ->
    [hold_expired] The order was not paid in time, and the place is free again.
    [places_taken] The time you chose is already taken.
    [outside_opening_hours] We are closed at the time you chose.
    [not_on_slot_grid] The time you chose does not match the start and end of the slots.
    [in_the_past] The time you chose has already passed.
    [unknown_resource] This place can no longer be booked.
    [customer_request] You cancelled the order.
    [staff_decision] The order was cancelled by a member of staff.
   *[other] The order was cancelled.
}

order_cancelled =
    .title = { order } is cancelled
    .body = { cancel_reason }

order_cancelled_refunding =
    .title = { order } is cancelled, your money is on its way back
    .body = { $reason ->
        [places_taken] Your payment came when somebody else had already taken the time you chose.
        [in_the_past] Your payment came when the time you chose had already passed.
       *[other] { cancel_reason }
    } The money goes back the way it came.

refund_succeeded =
    .title = { $known ->
        [yes] Your money for order { $number } was refunded
       *[no] Your money was refunded
    }
    .body = The refund went through. Your bank will credit it within a few days.

refund_failed =
    .title = { $known ->
        [yes] The refund for order { $number } failed
       *[no] A refund failed
    }
    .body = { $attempts ->
        [one] The refund failed after { $attempts } attempt. The payment provider said: { $reason }. A person has to look at it.
       *[other] The refund failed after { $attempts } attempts. The payment provider said: { $reason }. A person has to look at it.
    }
