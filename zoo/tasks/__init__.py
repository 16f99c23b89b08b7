"""What a loaded model is: processor, network and decoder behind one verb."""
