export class LabelState {}
