{{ state_contributions('hba1c_above_9') }}
