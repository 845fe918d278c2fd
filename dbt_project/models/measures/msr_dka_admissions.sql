{{ event_contributions('dka_admissions') }}
