"""What Foyer's services say to each other: the event envelope, money, and one module of events per publisher."""
