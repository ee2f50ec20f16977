payment_received = Поступила оплата через платёжный шлюз

status_changed = { $status ->
    [new] Заказ принят
    [in_progress] Заказ взят в работу
    [awaiting_confirmation] Работа выполнена и ждёт подтверждения
    [collecting] Заказ собирается
    [ready] Заказ готов
    [confirmed] Заказ подтверждён
    [active] Время заказа началось
    [done] Заказ завершён
    [cancelled_refunded] Деньги возвращены
    [titled] Статус заказа: { $title }
   *[other] Статус заказа изменён
}

order_cancelled = { $reason ->
    [hold_expired] Заказ отменён: он не был оплачен вовремя.
    [places_taken] Заказ отменён: выбранное время уже занято.
    [outside_opening_hours] Заказ отменён: в выбранное время мы закрыты.
    [not_on_slot_grid] Заказ отменён: выбранное время не совпадает с началом и концом слотов.
    [in_the_past] Заказ отменён: выбранное время уже прошло.
    [unknown_resource] Заказ отменён: это место больше нельзя забронировать.
    [customer_request] Заказ отменён заказчиком.
    [staff_decision] Заказ отменён сотрудником.
   *[other] Заказ отменён.
}{ $refunding ->
    [yes] { " " }К возврату { $refund }.
   *[no] { "" }
}

order_assigned = { $assigned ->
    [yes] У заказа новый исполнитель
   *[no] У заказа больше нет исполнителя
}

deadline_changed = Сроки заказа изменены.{ $responding ->
    [yes] { " " }Первый ответ до { $respond_by }.
   *[no] { "" }
}{ $completing ->
    [yes] { " " }Выполнение до { $complete_by }.
   *[no] { "" }
}

order_overdue = { $deadline ->
    [response] Заказ вовремя не взяли в работу: срок истёк { $due_at }
   *[completion] Заказ не выполнен вовремя: срок истёк { $due_at }
}

order_returned = { $noted ->
    [yes] Заказ возвращён в работу: { $note }
   *[no] Заказ возвращён в работу
}

order_changed = Состав заказа изменён. Стоимость теперь { $total }.{ $refunding ->
    [yes] { " " }К возврату { $refund }.
   *[no] { "" }
}

reservation_rescheduled = Бронирование перенесено: { $place }, { $time }. Прежнее время: { $former }.

order_placed = Оформлен заказ № { $number }
draft_created = Черновик заказа готов: его можно дополнить и оформить
draft_discarded = Черновик заказа отменён
message_erased = Сообщение удалено
message_deleted = Сообщение удалено автором
