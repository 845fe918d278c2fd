{{ state_contributions('hba1c_mean') }}
