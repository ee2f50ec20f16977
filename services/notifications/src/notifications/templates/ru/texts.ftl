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
    .body = { $placed ->
        [yes] Место удерживается за вами. Оплатите заказ, чтобы оно осталось вашим.
       *[no] Оплатите заказ, и мы им займёмся.
    }
    .button = Оплатить

order_confirmed =
    .title = { order } подтверждён
    .body = Оплата получена, место за вами. Ждём вас!

order_status =
    .title = { $status ->
        [in_progress] { order } взят в работу
        [collecting] { order } собирается
        [titled] { order }: { $title }
       *[other] Статус изменён: { order }
    }
    .body = { $status ->
        [in_progress] Мы занялись вашим заказом.
        [collecting] Мы собираем ваш заказ.
       *[other] Откройте заказ, чтобы узнать подробности.
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

row_former = Раньше
row_due_at = Срок
row_note = Комментарий
row_cancel_note = Комментарий
row_balance = Баланс
row_invoice = Счёт

order_placed_for_you =
    .title = Вам назначен новый { $known ->
        [yes] заказ № { $number }
       *[no] заказ
    }
    .body = Поступил новый заказ, вы его исполнитель.

order_assigned =
    .title = Вам назначен { $known ->
        [yes] заказ № { $number }
       *[no] заказ
    }
    .body = Теперь вы исполнитель этого заказа.

order_to_confirm =
    .title = { order } выполнен, подтвердите это
    .body = Проверьте результат: подтвердите выполнение или верните заказ в работу.

order_ready =
    .title = { order } готов
    .body = Ваш заказ можно забрать.

order_returned =
    .title = { order } возвращён в работу
    .body = Заказчик не принял результат.

order_overdue_response =
    .title = { order } вовремя не взят в работу
    .body = Срок первого ответа истёк.

order_overdue_completion =
    .title = { order } не выполнен вовремя
    .body = Срок выполнения истёк.

order_to_rate =
    .title = Как всё прошло?
    .body = { order } завершён. Оцените его: ваше мнение помогает нам стать лучше.

order_changed =
    .title = { order } изменён
    .body = Мы изменили состав вашего заказа.

booking_moved =
    .title = { $known ->
        [yes] Заказ № { $number }: бронирование перенесено
       *[no] Ваше бронирование перенесено
    }
    .body = Новое время за вами, прежнее больше не удерживается.

draft_ready =
    .title = Для вас подготовлен заказ
    .body = Мы подготовили заказ по нашему диалогу. Откройте его, дополните и оформите.

invoice_to_pay =
    .title = { $known ->
        [yes] Счёт по заказу № { $number }
       *[no] Счёт по вашему заказу
    }
    .body = Откройте заказ, чтобы оплатить счёт.

refund_requested =
    .title = { $known ->
        [yes] Запрошен возврат по заказу № { $number }
       *[no] Запрошен возврат
    }
    .body = Клиент просит вернуть деньги. Проведите возврат или отклоните запрос.

refund_rejected =
    .title = { $known ->
        [yes] В возврате по заказу № { $number } отказано
       *[no] В возврате отказано
    }
    .body = Мы рассмотрели ваш запрос и не можем вернуть деньги.

account_topped_up =
    .title = Баланс пополнен
    .body = Деньги зачислены на ваш счёт.

account_insufficient =
    .title = { order } ждёт пополнения баланса
    .body = На вашем счёте недостаточно средств. Пополните баланс, и работа по заказу продолжится.

dialog_from_customer =
    .title = Вопрос от клиента
    .body = Новое сообщение в диалоге до заказа.

dialog_from_staff =
    .title = Мы ответили на ваш вопрос
    .body = В вашем диалоге новое сообщение.

message_from_customer =
    .title = { order }: сообщение от клиента
    .body = Откройте чат, чтобы прочитать его.

message_from_staff =
    .title = { order }: новое сообщение
    .body = Откройте чат, чтобы прочитать его.

message_inside =
    .title = { order }: сообщение от коллеги
    .body = Откройте внутренний чат, чтобы прочитать его.

digest =
    .title = { $count ->
        [one] { $count } новое уведомление
        [few] { $count } новых уведомления
       *[many] { $count } новых уведомлений
    }
    .body = Вот что произошло:
    .rest = { $more ->
        [one] И ещё { $more } уведомление
        [few] И ещё { $more } уведомления
       *[many] И ещё { $more } уведомлений
    }
    .where = Они есть в приложении.

remind_start =
    .title = Скоро ваше время
    .body = { order }: ждём вас.

remind_hold =
    .title = { order } ещё не оплачен
    .body = Место удерживается за вами недолго. Оплатите заказ, чтобы оно осталось вашим.

remind_invoice =
    .title = { $known ->
        [yes] Счёт по заказу № { $number } ждёт оплаты
       *[no] Счёт по вашему заказу ждёт оплаты
    }
    .body = Откройте заказ, чтобы оплатить счёт.

remind_rating =
    .title = Оцените заказ
    .body = { order } завершён. Расскажите, как всё прошло: это займёт минуту.

row_webhook = Адрес
webhook_disabled =
    .title = Вебхук отключён
    .body = { $reason ->
        [gone] Система ответила, что больше не принимает события.
       *[other] Система несколько дней не принимает события. Исправьте её и включите вебхук снова: то, что накопилось, уйдёт сразу.
    }

row_ticket = Билет №
row_pass_number = Абонемент №
row_code = Код активации
row_valid_until = Действует до
row_starts_at = Начало

ticket_issued =
    .title = Ваш билет готов
    .body = { order }: место за вами. Назовите номер билета при входе.

pass_issued =
    .title = Абонемент оформлен
    .body = Код активации отправлен вам на почту.

pass_code =
    .title = Ваш абонемент и код активации
    .body = Назовите код сотруднику, чтобы активировать абонемент. Код действует один раз.

pass_attached =
    .title = Абонемент активен
    .body = Абонемент прикреплён к посетителю, по нему можно заниматься.

pass_withdrawn =
    .title = Абонемент отозван
    .body = Абонемент больше не действует.

class_booked =
    .title = Вы записаны на занятие
    .body = Ждём вас!

class_cancelled =
    .title = Запись на занятие отменена
    .body = Место в занятии больше не за вами.

offer_made =
    .title = Освободилось время, которого вы ждали
    .body = Мы держим его для вас. Подтвердите, пока его не предложили следующему.

telegram_linked = Готово: теперь сообщения о ваших заказах приходят сюда. Чтобы отключить их, отправьте /stop.
telegram_not_linked = Эта ссылка больше не действует. Откройте приложение и получите новую.
telegram_stopped = Сообщения сюда больше не приходят. Подключить этот чат снова можно в приложении.
telegram_help = Сюда приходят сообщения о ваших заказах. Чтобы отключить их, отправьте /stop. Подключить чат можно кнопкой в приложении.
