"""The words of Casemate: systems, access, targets, attacks, controls, evidence, findings, assessments."""
