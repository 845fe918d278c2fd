{{ event_contributions('clinic_visits') }}
