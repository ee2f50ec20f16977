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
