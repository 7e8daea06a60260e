"""The incentive lab: real crowds replayed with attackers among them, under this project's rule and those of the literature."""
