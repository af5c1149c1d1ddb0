"""Ask and tell, schedules, parameter servers."""
