"""What the pages of boards show: words and positions made of numbers, and the reads behind them."""
