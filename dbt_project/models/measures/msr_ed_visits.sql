{{ event_contributions('ed_visits') }}
