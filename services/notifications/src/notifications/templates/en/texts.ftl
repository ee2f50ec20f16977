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
    .body = { $placed ->
        [yes] The place is being held for you. Pay for the order to keep it.
       *[no] Pay for the order, and we will go on with it.
    }
    .button = Pay

order_confirmed =
    .title = { order } is confirmed
    .body = Your payment was received and the place is yours. See you soon!

order_status =
    .title = { $status ->
        [in_progress] { order } is being worked on
        [collecting] { order } is being collected
        [titled] { order }: { $title }
       *[other] Status changed: { order }
    }
    .body = { $status ->
        [in_progress] We have taken up your order.
        [collecting] We are collecting your order.
       *[other] Open the order to see more.
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

row_former = Before
row_due_at = Due
row_note = Comment
row_cancel_note = Comment
row_balance = Balance
row_invoice = Invoice

order_placed_for_you =
    .title = New { $known ->
        [yes] order { $number } is yours
       *[no] order is yours
    }
    .body = A new order has come in and is assigned to you.

order_assigned =
    .title = { order } is assigned to you
    .body = You are the assignee of this order now.

order_to_confirm =
    .title = { order } is finished: please confirm
    .body = Please check the result: confirm it, or return the order to work.

order_ready =
    .title = { order } is ready
    .body = You can pick up your order.

order_returned =
    .title = { order } was returned to work
    .body = The customer did not accept the result.

order_overdue_response =
    .title = { order } has not been taken up in time
    .body = The time for the first response is over.

order_overdue_completion =
    .title = { order } has not been completed in time
    .body = The time for completion is over.

order_to_rate =
    .title = How did we do?
    .body = { order } is done. Please rate it: your opinion helps us to get better.

order_changed =
    .title = { order } was changed
    .body = We changed what is in your order.

booking_moved =
    .title = { $known ->
        [yes] Order { $number }: the booking was moved
       *[no] Your booking was moved
    }
    .body = The new time is yours; the former one is no longer reserved for you.

draft_ready =
    .title = Your order is prepared
    .body = We have prepared an order from our dialog. Open it, complete it and place it.

invoice_to_pay =
    .title = { $known ->
        [yes] An invoice for order { $number }
       *[no] An invoice for your order
    }
    .body = Please open the order to pay it.

refund_requested =
    .title = { $known ->
        [yes] A refund is asked for: order { $number }
       *[no] A refund is asked for
    }
    .body = The customer asks for money back. Process or reject the request.

refund_rejected =
    .title = { $known ->
        [yes] No refund for order { $number }
       *[no] Your refund request was rejected
    }
    .body = We have looked at your request for a refund and cannot grant it.

account_topped_up =
    .title = Your account was topped up
    .body = The money is on your account.

account_insufficient =
    .title = { order } waits for funds
    .body = There is not enough on your account. Top it up, and the order will go on.

dialog_from_customer =
    .title = A customer has a question
    .body = A new message in a dialog before an order.

dialog_from_staff =
    .title = We have answered your question
    .body = There is a new message in your dialog.

message_from_customer =
    .title = { order }: a message from the customer
    .body = Open the chat to read it.

message_from_staff =
    .title = { order }: a new message
    .body = Open the chat to read it.

message_inside =
    .title = { order }: a message from a colleague
    .body = Open the internal thread to read it.

digest =
    .title = { $count ->
        [one] { $count } new notification
       *[other] { $count } new notifications
    }
    .body = Here is what happened:
    .rest = { $more ->
        [one] And { $more } more notification
       *[other] And { $more } more notifications
    }
    .where = See them in the app.

remind_start =
    .title = Your time begins soon
    .body = { order }: we are looking forward to seeing you.

remind_hold =
    .title = { order } is not paid yet
    .body = The place is held for you for a short while only. Pay for the order to keep it.

remind_invoice =
    .title = { $known ->
        [yes] The invoice for order { $number } is waiting for payment
       *[no] The invoice for your order is waiting for payment
    }
    .body = Please open the order to pay it.

remind_rating =
    .title = Please rate your order
    .body = { order } is done. Tell us how it went: it takes a minute.

row_webhook = Address
webhook_disabled =
    .title = A webhook was switched off
    .body = { $reason ->
        [gone] The system answered that it takes no more events.
       *[other] The system has taken no events for days. Repair it and switch the webhook on again: what has piled up goes out at once.
    }

row_ticket = Ticket
row_pass_number = Membership
row_code = Activation code
row_valid_until = Valid until
row_trainer = Trainer
row_starts_at = Begins

ticket_issued =
    .title = Your ticket is ready
    .body = { order }: the place is yours. Tell the number of the ticket when you come.

pass_issued =
    .title = Your membership was issued
    .body = The activation code was sent to your email.

pass_code =
    .title = Your membership and its activation code
    .body = Tell the code to a member of staff to activate the membership. It works once.

pass_attached =
    .title = Your membership is active
    .body = The membership is attached to its visitor and can be used.

pass_withdrawn =
    .title = Your membership was withdrawn
    .body = The membership is no longer valid.

class_booked =
    .title = You are booked for a class
    .body = See you there!

class_cancelled =
    .title = Your place in a class was cancelled
    .body = The place in the class is no longer yours.

class_called_off =
    .title = Your class was called off
    .body = The class does not take place.{ $returned ->
        [yes] { " " }The visit is back on your membership.
       *[no] { "" }
    }

class_moved =
    .title = Your class was moved
    .body = Your place is kept. If the new time does not suit you, give it up before the class begins: you keep the visit.

class_changed =
    .title = Your class has changed
    .body = The class you are booked for is at another place or has another trainer.

offer_made =
    .title = The time you waited for is free
    .body = We are holding it for you. Take it before it is offered to the next in line.

telegram_linked = Done: messages about your orders come here from now on. Send /stop to end that.
telegram_not_linked = This link does not work any more. Open the app and take a new one.
telegram_stopped = No more messages come here. You can link this chat again in the app.
telegram_help = Messages about your orders come here. Send /stop to end that. To link this chat, use the button in the app.
