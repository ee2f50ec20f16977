# Переменные: $number, $offering, $reason, $status, $attempts, $name и строки таблицы.
# $known — известен ли номер заказа, $named — известно ли имя.

order = { $known ->
    [yes] Заказ № { $number }
   *[no] Ваш заказ
}

greeting = { $named ->
    [yes] Здравствуйте, { $name }!
   *[no] Здравствуйте!
}
footer = Это письмо отправлено автоматически, отвечать на него не нужно.

row_offering = Услуга
row_place = Где
row_time = Когда
row_total = Стоимость
row_amount = Сумма
row_refund = К возврату
row_pay_until = Оплатить до

order_placed =
    .title = Новый { $known ->
        [yes] заказ № { $number }
       *[no] заказ
    }
    .body = Поступил новый заказ, за который вы отвечаете.

payment_link =
    .title = { order } ждёт оплаты
    .body = Место удерживается за вами. Оплатите заказ, чтобы оно осталось вашим.
    .button = Оплатить

order_confirmed =
    .title = { order } подтверждён
    .body = Оплата получена, место за вами. Ждём вас!

order_status =
    .title = { $status ->
        [in_progress] { order } взят в работу
        [awaiting_confirmation] { order } выполнен, подтвердите это
        [collecting] { order } собирается
        [ready] { order } готов
       *[other] Статус изменён: { order }
    }
    .body = { $status ->
        [in_progress] Мы занялись вашим заказом.
        [awaiting_confirmation] Проверьте результат: подтвердите выполнение или верните заказ в работу.
        [collecting] Мы собираем ваш заказ.
        [ready] Ваш заказ можно забрать.
       *[other] Откройте заказ, чтобы увидеть его новый статус.
    }

order_started =
    .title = Ваше время началось
    .body = { order }: место ждёт вас.

order_done =
    .title = { order } завершён
    .body = Спасибо, что были с нами!

cancel_reason = { $reason ->
    [hold_expired] Заказ не был оплачен вовремя, и место снова свободно.
    [places_taken] Выбранное время уже занято.
    [outside_opening_hours] В выбранное время мы закрыты.
    [not_on_slot_grid] Выбранное время не совпадает с началом и концом слотов.
    [in_the_past] Выбранное время уже прошло.
    [unknown_resource] Это место больше нельзя забронировать.
    [customer_request] Вы отменили заказ.
    [staff_decision] Заказ отменил сотрудник.
   *[other] Заказ отменён.
}

order_cancelled =
    .title = { order } отменён
    .body = { cancel_reason }

order_cancelled_refunding =
    .title = { order } отменён, деньги возвращаются
    .body = { $reason ->
        [places_taken] Оплата пришла, когда выбранное время уже занял другой посетитель.
        [in_the_past] Оплата пришла, когда выбранное время уже прошло.
       *[other] { cancel_reason }
    } Деньги вернутся тем же способом, которым вы платили.

refund_succeeded =
    .title = { $known ->
        [yes] Деньги по заказу № { $number } возвращены
       *[no] Деньги возвращены
    }
    .body = Возврат прошёл. Банк зачислит деньги в течение нескольких дней.

refund_failed =
    .title = { $known ->
        [yes] Возврат по заказу № { $number } не прошёл
       *[no] Возврат не прошёл
    }
    .body = { $attempts ->
        [one] После { $attempts } попытки возврат не прошёл. Ответ платёжного провайдера: { $reason }. Нужно вмешательство человека.
       *[other] После { $attempts } попыток возврат не прошёл. Ответ платёжного провайдера: { $reason }. Нужно вмешательство человека.
    }
