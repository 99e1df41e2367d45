module kubectl-intercept/peers/load

go 1.26
