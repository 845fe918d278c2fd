{{ state_contributions('hba1c_below_7') }}
