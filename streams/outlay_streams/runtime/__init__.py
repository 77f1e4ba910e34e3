"""How stages run. Only these files know threads, queues, brokers and the store; the core they drive is pure."""
