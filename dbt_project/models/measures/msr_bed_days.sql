{{ event_contributions('bed_days') }}
