{{ event_contributions('severe_hypoglycaemia') }}
